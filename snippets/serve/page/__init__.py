"""The GourmetGram page: choose a photo, choose who answers, see the class and how sure the model is.

    python -m snippets.serve.page --endpoint "FastAPI, ONNX=http://127.0.0.1:8000" --port 8080

The browser talks to this application only; it passes the photo on to the service (an endpoint or Triton).
Nothing on the page comes from another host, so it works without internet.
"""
