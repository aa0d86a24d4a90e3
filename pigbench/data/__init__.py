"""Sources of cases, their splits by patient, and their preparation at one resolution."""
