"""The course site: what the lab is, every lesson with a recorded run, and the instructor's guide, as pages to open."""
