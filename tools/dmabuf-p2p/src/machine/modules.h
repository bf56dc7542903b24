/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MODULES_H
#define MODULES_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel_file.h"
#include "pci_model.h"

/*
 * packaging/modules/compose gives each module a version of this form:
 *
 *	7.3.4-1~bpo13+1+dmabuf-phys-0.2
 *
 * that is the package whose kernel it was built for, the mark, and the version of
 * this project. sysfs has it for a module that is loaded, and a srcversion with it,
 * which tells two builds apart.
 */
#define MODULES_MARK "+dmabuf-phys-"

/* Where depmod looks first, and what is put there */
#define MODULES_DKMS "updates/dkms"
#define MODULES_PREBUILT "updates/dmabuf-phys"

/**
 * struct module_file - what a module's file says of itself
 * @path: below /lib/modules/VERSION; NULL if there is no such file
 * @version: empty if it has none
 * @srcversion: the same
 * @is_signed: it ends with a signature, of whomever
 * @signer: the name in the signature; empty if it has none
 * @sig_key: serial number of the certificate, "28:8D:42"; empty if there is none
 */
struct module_file {
	char *path;
	char version[80];
	char srcversion[32];
	bool is_signed;
	char signer[80];
	char sig_key[128];
};

/**
 * struct module - one that this project replaces or adds
 * @name: what modprobe is told
 * @sysfs: its name in /sys/module
 * @lacks: what a machine does not have without ours; NULL if another module's says it
 * @is_kvm: it comes in the package for KVM
 * @is_extra: machines do without it: nothing is said if ours is not there
 * @is_builtin: it is in the kernel's image
 * @file: what modprobe would load
 * @passed_over: a file of ours, if that is not the one modprobe would load
 * @is_blacklisted: nothing loads it by an alias
 * @install: command that modprobe.d wants instead of loading; NULL if there is none
 * @is_loaded: it is in the kernel, as a module
 * @loaded_version: then its version; empty if it has none
 * @loaded_srcversion: the same
 * @loaded_elsewhere: then: it was not built with the kernel
 */
struct module {
	const char *name;
	char sysfs[32];
	const char *lacks;
	bool is_kvm;
	bool is_extra;
	bool is_builtin;
	struct module_file file;
	struct module_file passed_over;
	bool is_blacklisted;
	char *install;
	bool is_loaded;
	char loaded_version[80];
	char loaded_srcversion[32];
	bool loaded_elsewhere;
};

/**
 * struct modules - all of them, and what they are for
 * @root: folder that stands for /, "" for this machine
 * @release: of the kernel they are for
 * @is_running: that is the running one; of any other nothing is loaded
 * @has_folder: its modules can be looked at: /lib/modules/RELEASE is there
 * @config: the kernel's
 * @list: the modules
 * @nr: their number
 */
struct modules {
	const char *root;
	char release[80];
	bool is_running;
	bool has_folder;
	struct kernel_config config;
	struct module *list;
	size_t nr;
};

/**
 * modules_read - look at all of them; ends the program if memory is short
 * @release: of an installed kernel, as it will find them when it boots; NULL for the
 *	running one
 */
void modules_read(struct modules *modules, const struct pci_model *model,
		  const char *release);
void modules_free(struct modules *modules);

/** modules_is_ours - does a version, of a file or a loaded module, have our mark? */
bool modules_is_ours(const char *version);

/**
 * modules_foreign - modules of others that need our VFIO, and were not built for it
 * @fn: called with the name of each, as sysfs has it, its path below
 *	/lib/modules/RELEASE, and @arg
 */
void modules_foreign(const struct modules *modules,
		     void (*fn)(const char *name, const char *path, void *arg),
		     void *arg);

#endif /* MODULES_H */
