# find_package(nvl) gives the target nvl::nvl.
if(NOT TARGET nvl::nvl)
    get_filename_component(nvl_root "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
    add_library(nvl::nvl STATIC IMPORTED)
    set_target_properties(nvl::nvl PROPERTIES
        IMPORTED_LOCATION "${nvl_root}/lib/libnvl.a"
        INTERFACE_INCLUDE_DIRECTORIES "${nvl_root}/include")
endif()
