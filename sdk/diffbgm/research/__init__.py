"""The research wing: data sets, training, metrics, evaluation and their commands.

Nothing of the product (scoring, batches, the Hub, the Space) imports it; it may import all of the product. Its further
requirements are the extra `diffbgm[research]`.
"""
