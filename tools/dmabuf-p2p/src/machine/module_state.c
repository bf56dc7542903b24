// SPDX-License-Identifier: GPL-2.0
/*
 * Judging our modules: one state each
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "module_state.h"
#include "sysfs_file.h"
#include "text.h"
#include "verb.h"

static bool is_kernels(const struct module_file *file)
{
	return file->path && !strncmp(file->path, "kernel/", 7);
}

/*
 * tools/kernel builds dma-buf-phys with the kernel, and then all others are patched as
 * well. A container may show sysfs and /dev, and no modules.
 */
static bool is_our_kernel(const struct modules *modules)
{
	const struct module *phys = &modules->list[0];

	if (modules->has_folder)
		return phys->is_builtin ||
		       (is_kernels(&phys->file) &&
			!modules_is_ours(phys->file.version));
	if (phys->is_loaded)
		return !modules_is_ours(phys->loaded_version) &&
		       !phys->loaded_elsewhere;
	return !sysfs_access(0, modules->root, "/dev/dma_buf_phys");
}

/*
 * /proc/version, or what a boot image will say there; x86 puts the banner's second half
 * at an offset that a field of the image's header has (Documentation/arch/x86/boot.rst)
 */
enum boot_header {
	BOOT_MAGIC = 0x202,
	BOOT_KERNEL_VERSION = 0x20e,
	BOOT_END = 0x210,
};

static void find_image_banner(struct module_review *review, char *banner,
			      size_t size)
{
	const struct modules *modules = &review->modules;
	unsigned char header[BOOT_END];
	size_t offset;
	enum kernel_place place;
	char *fault;
	FILE *file;

	banner[0] = 0;
	for (place = 0; place < KERNEL_PLACES && !banner[0]; place++) {
		file = kernel_file_open(modules->root, modules->release,
					"vmlinuz", place, &fault);
		if (!review->image_fault)
			review->image_fault = fault;
		else
			free(fault);
		if (file && fread(header, sizeof(header), 1, file) == 1 &&
		    !memcmp(header + BOOT_MAGIC, "HdrS", 4)) {
			offset = header[BOOT_KERNEL_VERSION] +
				 256 * header[BOOT_KERNEL_VERSION + 1];
			if (!fseek(file, (long)offset + 0x200, SEEK_SET))
				banner[fread(banner, 1, size - 1, file)] = 0;
		}
		if (file)
			fclose(file);
	}
}

/* "Linux version ... (gcc ... (Debian 14.2.0-19) ...) #1 SMP Debian 7.3.4-1 (2026-11-02)" */
static void find_package(char *package, size_t size, const char *banner)
{
	const char *build = strrchr(banner, '#');
	const char *found = build ? strstr(build, " Debian ") : NULL;

	if (!found)
		return;
	found += strlen(" Debian ");
	snprintf(package, size, "%.*s", (int)strcspn(found, " "), found);
	text_clean(package);
}

static void find_packages(struct module_review *review)
{
	const struct modules *modules = &review->modules;
	char banner[512];

	find_image_banner(review, banner, sizeof(banner));
	find_package(review->image_package, sizeof(review->image_package),
		     banner);
	if (modules->is_running)
		sysfs_text(banner, sizeof(banner), modules->root,
			   "/proc/version");
	find_package(review->package, sizeof(review->package), banner);
}

/* Its release can be the same, and its structures others: nothing else would notice */
static bool is_for_other_kernel(const struct module_review *review,
				const char *version)
{
	size_t len = strlen(review->package);

	return len && (strncmp(version, review->package, len) ||
		       strncmp(version + len, MODULES_MARK,
			       strlen(MODULES_MARK)));
}

/* Many run something else first, and modprobe --ignore-install in the end */
static bool is_no_loading(const char *command)
{
	return command && !strstr(command, "modprobe") &&
	       !strstr(command, "insmod");
}

static enum module_state judge_file(const struct module_review *review,
				    const struct module *module)
{
	if (is_for_other_kernel(review, module->file.version))
		return STATE_SOURCE;
	switch (signing_judge(&review->signing, &module->file)) {
	case SIGNATURE_MISSING:
		return STATE_UNSIGNED;
	case SIGNATURE_FOREIGN:
		return STATE_KEY;
	case SIGNATURE_UNKNOWN:
		return STATE_KEY_UNKNOWN;
	case SIGNATURE_FINE:
		break;
	}
	if (is_no_loading(module->install))
		return STATE_COMMAND;
	if (module->is_loaded)
		return STATE_REPLACED;
	return module->is_blacklisted ? STATE_BLACKLISTED : STATE_READY;
}

static enum module_state judge(const struct module_review *review,
			       const struct module *module)
{
	const struct module_file *file = &module->file;
	bool is_ours = modules_is_ours(file->version);

	if (is_our_kernel(&review->modules) && !is_ours &&
	    (!file->path || is_kernels(file)))
		return STATE_KERNELS;
	if (module->is_builtin)
		return STATE_BUILTIN;
	if (module->is_loaded && modules_is_ours(module->loaded_version)) {
		if (is_for_other_kernel(review, module->loaded_version))
			return STATE_SOURCE;
		return is_ours && strcmp(file->srcversion,
					 module->loaded_srcversion) ?
			       STATE_OLDER : STATE_LOADED;
	}
	if (is_ours)
		return judge_file(review, module);
	if (module->passed_over.path)
		return STATE_PASSED_OVER;
	return file->path && !is_kernels(file) ? STATE_OTHER : STATE_NONE;
}

void review_read(struct module_review *review, const struct pci_model *model,
		 const char *release)
{
	size_t i;

	*review = (struct module_review) { 0 };
	modules_read(&review->modules, model, release);
	signing_read(&review->signing, model->root,
		     review->modules.release);
	find_packages(review);
	review->states = calloc(review->modules.nr, sizeof(*review->states));
	if (!review->states) {
		complain(NULL, NULL, "out of memory");
		exit(EXIT_FAILED);
	}
	for (i = 0; i < review->modules.nr; i++)
		review->states[i] = judge(review, &review->modules.list[i]);
}

void review_free(struct module_review *review)
{
	modules_free(&review->modules);
	signing_free(&review->signing);
	free(review->image_fault);
	free(review->states);
}

const struct module *review_first(const struct module_review *review,
				  enum module_state state)
{
	size_t i;

	for (i = 0; i < review->modules.nr; i++)
		if (review->states[i] == state)
			return &review->modules.list[i];
	return NULL;
}

char *review_names(const struct module_review *review, enum module_state state)
{
	char *list = NULL;
	size_t i;

	for (i = 0; i < review->modules.nr; i++)
		if (review->states[i] == state)
			list = text_join(list, " ",
				text_format("%s", review->modules.list[i].name));
	return list;
}
