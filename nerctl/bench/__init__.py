"""How fast training and prediction run on this machine, against what the machine can do."""
