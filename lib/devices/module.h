/* SPDX-License-Identifier: MIT */
#ifndef DEVICES_MODULE_H
#define DEVICES_MODULE_H

/**
 * __module_load - load a kernel module with modprobe, unless it is loaded already
 * @name: name of the module
 * @params: a parameter, such as "a=1", or NULL; of a loaded module they stay as they are
 *
 * modprobe itself says on standard error what it could not do.
 *
 * Return: 0; -ENOENT if there is no modprobe; -ENOEXEC if it failed, as for a module
 * that was not built for this kernel; or -errno.
 */
int __module_load(const char *name, const char *params);

/**
 * __module_unload - unload a module, and those that only it needs
 * @name: name of the module
 *
 * Return: 0 or -errno; see __module_load().
 */
int __module_unload(const char *name);

/**
 * __module_exists - ask whether the running kernel has a module, loaded or not
 * @name: name of the module
 *
 * Return: 1 if it has, 0 if not; -ENOENT if there is no modprobe; or -errno.
 */
int __module_exists(const char *name);

/**
 * __module_symbol_exists - ask whether the kernel or a loaded module has a symbol
 * @name: name of a function or an object, static ones among them
 *
 * Return: 1 if it has, 0 if not, or -errno.
 */
int __module_symbol_exists(const char *name);

#endif /* DEVICES_MODULE_H */
