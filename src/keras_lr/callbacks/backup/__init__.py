"""`BackupAndRestore` and what it needs: a run that was cut off goes on."""
