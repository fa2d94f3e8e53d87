# For compiled modules: they call these as C functions.

cpdef str string(str name, value)
cpdef str utf8_string(str name, value)
cpdef str url_path_of(str name, value)
