{{ published_child('tomogram') }}
