#!/bin/sh
# Whether there is a browser for screenshots.
for name in chromium chromium-browser google-chrome; do command -v "$name" && exit 0; done
ls -d ~/.cache/ms-playwright/chromium*
