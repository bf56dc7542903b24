// SPDX-License-Identifier: GPL-2.0
/*
 * The modules of this project, in files and in the kernel
 *
 * libkmod knows which file modprobe would take and reads it, compressed or not. What
 * is loaded it would only ask the running machine, so that is read here.
 */
#include <libkmod.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "message.h"
#include "modules.h"
#include "regular_file.h"
#include "sysfs_file.h"
#include "text.h"
#include "verb.h"

static const struct module all[] = {
	{ .name = "dma-buf-phys", .lacks = "physical lists" },
	{ .name = "iommufd",
	  .lacks = "dma-bufs of several ranges for devices behind an IOMMU" },
	{ .name = "vfio", .lacks = "/dev/vfio/devices" },
	{ .name = "vfio_iommu_type1",
	  .lacks = "a refusal where containers cannot follow a revoke" },
	{ .name = "vfio-pci-core",
	  .lacks = "exports of several BARs, restored after a revoke" },
	{ .name = "vfio-pci" },
	{ .name = "kvm", .lacks = "dma-bufs as memory of guests", .is_kvm = true,
	  .is_extra = true },
	{ .name = "kvm-amd", .is_kvm = true, .is_extra = true },
	{ .name = "kvm-intel", .is_kvm = true, .is_extra = true },
	{ .name = "edu_ib", .lacks = "RDMA by QEMU's edu", .is_extra = true },
};

#define NR_ALL ARRAY_SIZE(all)

static void out_of_memory(void)
{
	complain(NULL, NULL, "out of memory");
	exit(EXIT_FAILED);
}

/* Files that are no modules are no news for standard error: they have no mark */
static void say_nothing(void *data, int priority, const char *file, int line,
			const char *fn, const char *format, va_list args)
{
	(void)data;
	(void)priority;
	(void)file;
	(void)line;
	(void)fn;
	(void)format;
	(void)args;
}

static struct kmod_ctx *new_context(const char *folder,
				    const char *const *config)
{
	struct kmod_ctx *ctx = kmod_new(folder, config);

	if (!ctx)
		out_of_memory();
	kmod_set_log_fn(ctx, say_nothing, NULL);
	return ctx;
}

bool modules_is_ours(const char *version)
{
	return strstr(version, MODULES_MARK);
}

static void take(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
	text_clean(to);
}

/* Of several the kernel takes the first, so does this */
static void take_info(struct module_file *file, const char *key,
		      const char *value)
{
	const struct {
		const char *key;
		char *to;
		size_t size;
	} places[] = {
		{ "version", file->version, sizeof(file->version) },
		{ "srcversion", file->srcversion, sizeof(file->srcversion) },
		{ "signer", file->signer, sizeof(file->signer) },
		{ "sig_key", file->sig_key, sizeof(file->sig_key) },
	};
	size_t i;

	if (!strcmp(key, "sig_id"))
		file->is_signed = true;
	for (i = 0; i < ARRAY_SIZE(places); i++)
		if (!strcmp(key, places[i].key) && !places[i].to[0])
			take(places[i].to, places[i].size, value);
}

/* A context of its own: one context has one file for a name */
static void read_file(const struct modules *modules, struct module_file *file,
		      const char *path)
{
	static const char *const no_config[] = { NULL };
	struct kmod_ctx *ctx = new_context("/nonexistent", no_config);
	char *full = text_format("%s/lib/modules/%s/%s", modules->root,
				 modules->release, path);
	struct kmod_list *info = NULL, *item;
	struct kmod_module *mod;

	*file = (struct module_file) { .path = text_format("%s", path) };
	if (!kmod_module_new_from_path(ctx, full, &mod)) {
		if (kmod_module_get_info(mod, &info) < 0)
			info = NULL;
		kmod_list_foreach(item, info)
			take_info(file, kmod_module_info_get_key(item),
				  kmod_module_info_get_value(item));
		kmod_module_info_free_list(info);
		kmod_module_unref(mod);
	}
	free(full);
	kmod_unref(ctx);
}

/* A file of ours where the packages put them, which depmod has not taken */
static void find_passed_over(const struct modules *modules,
			     struct module *module)
{
	static const char *const folders[] = { MODULES_DKMS, MODULES_PREBUILT };
	static const char *const suffixes[] = { "", ".xz", ".zst", ".gz" };
	size_t i, j;

	for (i = 0; i < 2; i++)
		for (j = 0; j < 4; j++) {
			char *path = text_format("%s/%s.ko%s", folders[i],
						 module->name, suffixes[j]);

			if (!module->passed_over.path &&
			    !sysfs_access(0, modules->root, "/lib/modules/%s/%s",
					  modules->release, path))
				read_file(modules, &module->passed_over, path);
			free(path);
			if (module->passed_over.path &&
			    !modules_is_ours(module->passed_over.version)) {
				free(module->passed_over.path);
				module->passed_over.path = NULL;
			}
		}
}

static bool is_blacklisted(struct kmod_ctx *ctx, const char *sysfs)
{
	struct kmod_config_iter *iter = kmod_config_get_blacklists(ctx);
	bool found = false;

	while (iter && kmod_config_iter_next(iter))
		if (!strcmp(kmod_config_iter_get_key(iter), sysfs))
			found = true;
	kmod_config_iter_free_iter(iter);
	return found;
}

static void find_file(const struct modules *modules, struct module *module,
		      struct kmod_ctx *ctx)
{
	char *folder = text_format("%s/lib/modules/%s/", modules->root,
				   modules->release);
	struct kmod_list *list = NULL;
	const char *path, *install;
	struct kmod_module *mod;

	module->is_blacklisted = is_blacklisted(ctx, module->sysfs);
	/* Another call finds one module only, but not in every version of libkmod */
	if (kmod_module_new_from_lookup(ctx, module->name, &list) < 0)
		list = NULL;
	if (list) {
		mod = kmod_module_get_module(list);
		module->is_builtin = kmod_module_get_initstate(mod) ==
				     KMOD_MODULE_BUILTIN;
		path = kmod_module_get_path(mod);
		if (path && !strncmp(path, folder, strlen(folder)))
			read_file(modules, &module->file, path + strlen(folder));
		install = kmod_module_get_install_commands(mod);
		if (install)
			module->install = text_format("%s", install);
		kmod_module_unref(mod);
		kmod_module_unref_list(list);
	}
	if (!modules_is_ours(module->file.version))
		find_passed_over(modules, module);
	free(folder);
}

static void find_loaded(const struct modules *modules, struct module *module)
{
	char taint[32];

	/* What is built in has a folder there too, without this */
	module->is_loaded = sysfs_text(taint, sizeof(taint), modules->root,
				       "/sys/module/%s/initstate", module->sysfs);
	sysfs_text(module->loaded_version, sizeof(module->loaded_version),
		   modules->root, "/sys/module/%s/version", module->sysfs);
	sysfs_text(module->loaded_srcversion,
		   sizeof(module->loaded_srcversion), modules->root,
		   "/sys/module/%s/srcversion", module->sysfs);
	sysfs_text(taint, sizeof(taint), modules->root, "/sys/module/%s/taint",
		   module->sysfs);
	module->loaded_elsewhere = strchr(taint, 'O');
}

/* The one for the CPUs of another vendor never loads */
static bool is_for(const char *name, const char *vendor)
{
	bool is_amd = !strcmp(vendor, "AuthenticAMD") ||
		      !strcmp(vendor, "HygonGenuine");

	return strcmp(name, is_amd ? "kvm-intel" : "kvm-amd");
}

void modules_read(struct modules *modules, const struct pci_model *model,
		  const char *release)
{
	static const char *const folders[] = {
		"/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d",
		"/lib/modprobe.d",
	};
	const char *config[5] = { NULL };
	struct kmod_ctx *ctx;
	char *folder, *c;
	size_t i;

	*modules = (struct modules) { .root = model->root,
				      .is_running = !release };
	if (release)
		take(modules->release, sizeof(modules->release), release);
	else
		sysfs_text(modules->release, sizeof(modules->release),
			   model->root, "/proc/sys/kernel/osrelease");
	modules->has_folder = modules->release[0] &&
			      !sysfs_access(0, model->root, "/lib/modules/%s",
					    modules->release);
	kernel_config_read(&modules->config, model->root, modules->release);
	modules->list = calloc(NR_ALL, sizeof(*modules->list));
	if (!modules->list)
		out_of_memory();
	folder = text_format("%s/lib/modules/%s", model->root, modules->release);
	for (i = 0; i < 4; i++)
		config[i] = text_format("%s%s", model->root, folders[i]);
	ctx = new_context(folder, config);
	for (i = 0; i < NR_ALL; i++) {
		struct module *module = &modules->list[modules->nr];

		if (!is_for(all[i].name, model->cpu_vendor))
			continue;
		modules->nr++;
		*module = all[i];
		take(module->sysfs, sizeof(module->sysfs), module->name);
		for (c = module->sysfs; *c; c++)
			if (*c == '-')
				*c = '_';
		if (modules->has_folder)
			find_file(modules, module, ctx);
		if (modules->is_running)
			find_loaded(modules, module);
	}
	kmod_unref(ctx);
	for (i = 0; i < 4; i++)
		free((char *)config[i]);
	free(folder);
}

void modules_free(struct modules *modules)
{
	size_t i;

	for (i = 0; i < modules->nr; i++) {
		free(modules->list[i].file.path);
		free(modules->list[i].passed_over.path);
		free(modules->list[i].install);
	}
	free(modules->list);
	kernel_config_free(&modules->config);
}

/* Return: whether one of the paths of a line of modules.dep is our VFIO */
static bool needs(const struct modules *modules, char *paths)
{
	char *save, *path;
	size_t i;

	for (path = strtok_r(paths, " \n", &save); path;
	     path = strtok_r(NULL, " \n", &save))
		for (i = 0; i < modules->nr; i++)
			if (!strncmp(modules->list[i].name, "vfio", 4) &&
			    modules_is_ours(modules->list[i].file.version) &&
			    !strcmp(modules->list[i].file.path, path))
				return true;
	return false;
}

/* "kernel/drivers/gpu/drm/i915/kvmgt.ko.xz" to "kvmgt" */
static void name_of(char *name, size_t size, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *c;

	take(name, size, slash ? slash + 1 : path);
	c = strstr(name, ".ko");
	if (c)
		*c = 0;
	for (c = name; *c; c++)
		if (*c == '-')
			*c = '_';
}

void modules_foreign(const struct modules *modules,
		     void (*fn)(const char *name, const char *path, void *arg),
		     void *arg)
{
	char *path = text_format("%s/lib/modules/%s/modules.dep", modules->root,
				 modules->release);
	FILE *file = regular_open(path, NULL);
	char *line = NULL, *colon;
	struct module_file found;
	size_t size = 0;
	char name[64];

	free(path);
	while (file && getline(&line, &size, file) > 0) {
		colon = strchr(line, ':');
		if (!colon)
			continue;
		*colon = 0;
		if (!needs(modules, colon + 1))
			continue;
		read_file(modules, &found, line);
		name_of(name, sizeof(name), line);
		if (!modules_is_ours(found.version))
			fn(name, found.path, arg);
		free(found.path);
	}
	free(line);
	if (file)
		fclose(file);
}
