{{ published_child('annotation', history=true) }}
