"""A user's own project, as a corpus of honest files needs one: its classes are unknown to any scanner."""
