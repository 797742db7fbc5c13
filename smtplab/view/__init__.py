"""What a person reads: words, marks and tables made from records."""
