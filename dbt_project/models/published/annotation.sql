{{ published_child('annotation') }}
