"""What a measured record has and an invented or edited one lacks. Each check returns remarks in words, which lower the
level of trust and never the points: a person looks at them."""
