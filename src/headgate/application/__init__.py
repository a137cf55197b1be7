"""The application that the package carries into projects: links to the template, the functions and the events of this repository."""
