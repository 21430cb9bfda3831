"""The site: lessons, playground and reference pages, made from nothing into one folder that needs no server.

`python -m rollproof.lessons.site` makes it; see `build`.
"""
