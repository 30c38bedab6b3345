"""For whoever grades: never sent to a node, nor released to students."""
