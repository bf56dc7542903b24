/* SPDX-License-Identifier: MIT */
#ifndef LIB_MODULE_H
#define LIB_MODULE_H

#include <stdbool.h>

/**
 * module_load - load a kernel module, or fail the test naming it
 * @name: of the module
 */
void module_load(const char *name);

/** module_load_with - the same with parameters, such as "a=1" */
void module_load_with(const char *name, const char *params);

/** module_unload - unload one, and what only it needs, or fail the test */
void module_unload(const char *name);

/**
 * module_exists - whether the running kernel has a module, loaded or not
 * @name: of the module
 */
bool module_exists(const char *name);

/**
 * module_symbol_exists - whether the kernel, or a module that is loaded, has a symbol
 * @name: of a function or an object, static ones among them
 */
bool module_symbol_exists(const char *name);

#endif /* LIB_MODULE_H */
