"""Networks that are trained again for what becomes of them: fewer bits, fewer weights, a teacher."""
