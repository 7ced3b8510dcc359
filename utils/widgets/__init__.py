"""What moves in the notebooks: each widget is one function in a module of its own, which a notebook calls in a line.

`panel` has what they share. All are made of plain ipywidgets, except the drawing pad and the Stop button, which need
the browser's help. Nothing is loaded from the net.
"""
