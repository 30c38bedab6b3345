"""The models in a visitor's own browser: a page with onnxruntime-web, what it measures, and how that becomes steps.

`vendor` fetches onnxruntime-web, `server` serves the page and hands it commands, `page` asks for measurements,
`measuring` makes them steps of a run, `results` reads them back, `verb` is `servelab browser`.
"""
