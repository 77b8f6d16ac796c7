"""What the shipped policies demand, clause by clause, and the test of each."""
