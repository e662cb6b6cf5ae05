"""What holds devicetree blobs, one format a file; `walk` goes from one into the next.

A format is a module with `matches(data)` and `pieces(data)`, which yields what lies inside as `Piece`s, and raises TreeError
(without the file's name) where the container lies about itself.
"""
