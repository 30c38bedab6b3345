"""The generated data set: pictures of eleven kinds of food, drawn the same everywhere."""
