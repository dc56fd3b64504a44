{{ published('resource_feedback', history=true) }}
