"""The front door for people and CI jobs. It never imports kopf, and imports late: it is quick."""
