"""What a student hands in: screenshots by question id, manifest, zip and PDF; and reading it back safely."""
