{{ published_child('tomogram', history=true) }}
