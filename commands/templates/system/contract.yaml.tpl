openapi: 3.1.0
info:
  title: $title API, integration contract
  version: 1.0.0
  description: |
    A skeleton: say here what the API of $title really says, and what holds for every operation. The simulator answers by it, and a
    request or an answer that breaks it fails a test.
servers:
  - url: https://$name.example
security:
  - bearer: []
x-rate-limit: {requests: 300, per_seconds: 60, concurrent: 4}
x-quirks:
  - {id: early-token-expiry, text: "A token may get 401 before its expires_in has passed."}
  - {id: drop-after-commit, text: "The connection may be dropped after a write was committed and before the answer was sent."}
  - {id: changed-while-paging, text: "A record that changes while a client pages may appear twice or only on a later page."}
  - {id: same-updated-date-across-pages, text: "Records with one updatedAt may be split over a page boundary and over two polls."}
paths:
  /oauth2/token:
    post:
      operationId: getToken
      security: [{basic: []}]
      requestBody: {required: true, content: {application/x-www-form-urlencoded: {schema: {$$ref: '#/components/schemas/TokenRequest'}, example: {grant_type: client_credentials}}}}
      responses: {'200': {$$ref: '#/components/responses/Token'}, '400': {$$ref: '#/components/responses/TokenError'}, '401': {$$ref: '#/components/responses/TokenError'}, '5XX': {$$ref: '#/components/responses/Failed'}}
  /api/orders:
    get:
      operationId: listOrders
      parameters:
        - {name: changedSince, in: query, schema: {$$ref: '#/components/schemas/Instant'}, example: '2026-03-02T14:00:00Z'}
        - {name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 100, default: 100}, example: 100}
        - {name: cursor, in: query, schema: {type: string, minLength: 1, maxLength: 200}, example: b2Zmc2V0OjEwMA}
      responses: {'200': {$$ref: '#/components/responses/OrdersPage'}, '400': {$$ref: '#/components/responses/Refused'}, '401': {$$ref: '#/components/responses/Refused'}, '429': {$$ref: '#/components/responses/Refused'}, '5XX': {$$ref: '#/components/responses/Failed'}}
  /api/orders/{number}:
    parameters:
      - {name: number, in: path, required: true, schema: {type: string, minLength: 1, maxLength: 20}, example: $CODE-1001}
    get:
      operationId: getOrder
      responses: {'200': {$$ref: '#/components/responses/Order'}, '401': {$$ref: '#/components/responses/Refused'}, '404': {$$ref: '#/components/responses/Refused'}, '429': {$$ref: '#/components/responses/Refused'}, '5XX': {$$ref: '#/components/responses/Failed'}}
    put:
      operationId: updateOrder
      requestBody: {required: true, content: {application/json: {schema: {$$ref: '#/components/schemas/OrderUpdate'}, example: {status: shipped}}}}
      responses: {'200': {$$ref: '#/components/responses/Order'}, '400': {$$ref: '#/components/responses/Refused'}, '401': {$$ref: '#/components/responses/Refused'}, '404': {$$ref: '#/components/responses/Refused'}, '422': {$$ref: '#/components/responses/Refused'}, '429': {$$ref: '#/components/responses/Refused'}, '5XX': {$$ref: '#/components/responses/Failed'}}
components:
  securitySchemes:
    bearer: {type: http, scheme: bearer}
    basic: {type: http, scheme: basic}
  responses:
    Token:
      description: A new access token.
      content: {application/json: {schema: {$$ref: '#/components/schemas/Token'}, example: {access_token: tk-83ab, token_type: Bearer, expires_in: 1800}}}
    TokenError:
      description: OAuth 2.0 error.
      content: {application/json: {schema: {$$ref: '#/components/schemas/TokenError'}, example: {error: invalid_client, error_description: Unknown client.}}}
    OrdersPage:
      description: One page of orders, sorted by (updatedAt, number); `next` is null on the last one.
      content: {application/json: {schema: {$$ref: '#/components/schemas/OrderPage'}, example: {items: [], next: null}}}
    Order:
      description: The order as it is now.
      content:
        application/json:
          schema: {$$ref: '#/components/schemas/Order'}
          example:
            number: $CODE-1001
            status: open
            payment: paid
            placedAt: '2026-03-02T14:01:55Z'
            updatedAt: '2026-03-02T14:05:09.120Z'
            currency: USD
            shipping: '6.99'
            total: '56.97'
            customer: {name: Ana Ruiz, email: ana@buyer.example, phone: null}
            address: {name: Ana Ruiz, line1: 48 Orchard Lane, line2: null, city: Austin, state: TX, postalCode: '78701', country: US}
            lines: [{id: 1, sku: LAMP-001, title: Desk Lamp, quantity: 2, price: '24.00', tax: '1.98', discount: '0.00'}]
    Refused:
      description: The request changed nothing.
      headers: {Retry-After: {description: Seconds; with 429., schema: {type: string, maxLength: 10}, example: '5'}}
      content: {application/json: {schema: {$$ref: '#/components/schemas/Error'}, example: {code: not_found, message: Order $CODE-9999 does not exist.}}}
    Failed:
      description: A fault on the server; a write may or may not have been committed. The body may be JSON or HTML.
      content:
        application/json: {schema: {$$ref: '#/components/schemas/Error'}, example: {code: internal_error, message: Unexpected failure.}}
        text/html: {schema: {type: string, maxLength: 100000}, example: '<html><body><h1>502 Bad Gateway</h1></body></html>'}
  schemas:
    Instant: {type: string, format: date-time, maxLength: 24, pattern: '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$$'}
    Amount: {type: string, maxLength: 13, pattern: '^\d{1,10}\.\d\d$$'}
    Status: {type: string, enum: [open, shipped, cancelled]}
    TokenRequest: {type: object, additionalProperties: false, required: [grant_type], properties: {grant_type: {type: string, enum: [client_credentials]}}}
    Token: {type: object, required: [access_token, token_type, expires_in], properties: {
      access_token: {type: string, minLength: 1, maxLength: 2000},
      token_type: {type: string, enum: [Bearer]},
      expires_in: {type: integer, minimum: 1, maximum: 1800}}}
    TokenError: {type: object, required: [error], properties: {
      error: {type: string, maxLength: 100},
      error_description: {type: [string, 'null'], maxLength: 500}}}
    Error: {type: object, required: [code, message], properties: {
      code: {type: string, enum: [bad_request, unauthorized, not_found, invalid, rate_limited, internal_error, unavailable]},
      message: {type: string, maxLength: 1000},
      errors: {type: [array, 'null'], maxItems: 50, items: {type: object, required: [field, message], properties: {
        field: {type: string, maxLength: 200},
        message: {type: string, maxLength: 500}}}}}}
    Customer: {type: object, properties: {
      name: {type: [string, 'null'], maxLength: 100},
      email: {type: [string, 'null'], format: email, maxLength: 254},
      phone: {type: [string, 'null'], maxLength: 40}}}
    Address: {type: object, required: [line1, city, country], properties: {
      name: {type: [string, 'null'], maxLength: 100},
      line1: {type: string, minLength: 1, maxLength: 100},
      line2: {type: [string, 'null'], maxLength: 100},
      city: {type: string, minLength: 1, maxLength: 60},
      state: {type: [string, 'null'], maxLength: 30},
      postalCode: {type: [string, 'null'], maxLength: 20},
      country: {type: string, pattern: '^[A-Z]{2}$$'}}}
    Line: {type: object, required: [id, sku, quantity, price, tax, discount], properties: {
      id: {type: integer, minimum: 1},
      sku: {type: string, minLength: 1, maxLength: 50},
      title: {type: [string, 'null'], maxLength: 200},
      quantity: {type: integer, minimum: 1, maximum: 100000},
      price: {$$ref: '#/components/schemas/Amount'},
      tax: {$$ref: '#/components/schemas/Amount'},
      discount: {$$ref: '#/components/schemas/Amount'}}}
    Order: {type: object, required: [number, status, placedAt, updatedAt, currency, shipping, total, customer, address, lines], properties: {
      number: {type: string, minLength: 1, maxLength: 20},
      status: {$$ref: '#/components/schemas/Status'},
      payment: {type: [string, 'null'], enum: [open, paid, refunded, null]},
      placedAt: {$$ref: '#/components/schemas/Instant'},
      updatedAt: {$$ref: '#/components/schemas/Instant'},
      currency: {type: string, pattern: '^[A-Z]{3}$$'},
      shipping: {$$ref: '#/components/schemas/Amount'},
      total: {$$ref: '#/components/schemas/Amount'},
      customer: {$$ref: '#/components/schemas/Customer'},
      address: {$$ref: '#/components/schemas/Address'},
      lines: {type: array, minItems: 1, maxItems: 200, items: {$$ref: '#/components/schemas/Line'}}}}
    OrderPage: {type: object, required: [items, next], properties: {
      items: {type: array, maxItems: 100, items: {$$ref: '#/components/schemas/Order'}},
      next: {type: [string, 'null'], maxLength: 200}}}
    OrderUpdate: {type: object, minProperties: 1, additionalProperties: false, properties: {
      status: {$$ref: '#/components/schemas/Status'}}}
