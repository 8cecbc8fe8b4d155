"""Everything that training changes: taken, put back, and kept on disk."""
