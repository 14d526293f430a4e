# How to speak to $title; the source is contract.yaml beside this file. A connection may override any of it.
system: $name
title: $title
base: /api

auth:
  kind: client_credentials
  path: /oauth2/token
  user: client_id
  password: client_secret

paging:
  kind: cursor
  items: items
  next: next
  parameter: cursor
  size_parameter: limit
  size: 100

limits: {requests: 300, per_seconds: 60, concurrent: 4}

# Seconds. settle: so long after its client has given up may the server still be at work on a request.
times: {connect: 5, total: 20, settle: 15}

errors:
  kind: json
  code: code
  message: message
  details: errors
  field: field
  text: message

entities:
  order:
    key: number
    changed: updatedAt
    listing: {path: /orders, since: changedSince}
    get: /orders/{key}
    update: /orders/{key}
