/* SPDX-License-Identifier: MIT */
#ifndef LIB_MODULE_H
#define LIB_MODULE_H

/**
 * module_load - load a kernel module, or fail the test naming it
 * @name: of the module
 */
void module_load(const char *name);

#endif /* LIB_MODULE_H */
