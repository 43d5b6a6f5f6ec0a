"""Several workers' labels of one image become one."""
