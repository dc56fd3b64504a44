{{ masked('resource_feedback') }}
