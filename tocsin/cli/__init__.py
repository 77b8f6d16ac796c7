"""What responders type: looking at an incident, acting on it, its papers, and the plans."""
