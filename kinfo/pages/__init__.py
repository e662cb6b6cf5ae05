"""Pages of HTML that stand alone, made of the documents that the other formats show, and of nothing else."""
