"""What a release consists of besides the image: the same whenever it is made."""
