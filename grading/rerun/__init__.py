"""A few of a submission's measurements, taken again by staff: do the *relations* between its numbers hold here, too?"""
