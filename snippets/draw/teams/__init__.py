"""Charts and tables of several teams on one platform, from records alone."""
