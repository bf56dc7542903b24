/* SPDX-License-Identifier: MIT */
#ifndef LIB_MODULE_H
#define LIB_MODULE_H

#include <stdbool.h>

#include "devices/module.h"

/* These do what devices/module.h says, and fail the test if that does; load() skips
 * where there is no such module, see machine.h
 */

/** module_require - skip if this kernel has no such module, built in or not */
void module_require(const char *name);

void module_load(const char *name);
void module_load_with(const char *name, const char *params);
void module_unload(const char *name);
bool module_exists(const char *name);
bool module_symbol_exists(const char *name);

#endif /* LIB_MODULE_H */
