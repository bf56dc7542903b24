// SPDX-License-Identifier: GPL-2.0
/*
 * doctor: our modules: which are in the kernel, and why others are not
 *
 * Each state is one finding, with all modules that are in it.
 */
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "doctor.h"
#include "doctor_modules.h"
#include "module_state.h"
#include "module_unload.h"
#include "sysfs_file.h"
#include "text.h"

typedef void (*teller)(struct doctor *doctor,
		       const struct module_review *review,
		       enum module_state state, const char *names);

static void tell_kernels(struct doctor *doctor,
			 const struct module_review *review,
			 enum module_state state, const char *names)
{
	(void)review;
	(void)state;
	(void)names;
	doctor_add(doctor, MARK_OK, "module-kernel",
		   text_format("this kernel has physical lists of its own, and modules that use them"),
		   NULL);
}

static void tell_builtin(struct doctor *doctor,
			 const struct module_review *review,
			 enum module_state state, const char *names)
{
	char *lacks = text_format("%s", "");
	size_t i;

	for (i = 0; i < review->modules.nr; i++) {
		const char *text = review->modules.list[i].lacks;

		if (review->states[i] == state && text)
			lacks = text_join(lacks, "; ", text_format("%s", text));
	}
	doctor_add(doctor, MARK_WARN, "module-builtin",
		   text_format("built into this kernel, where dmabuf-phys cannot replace it: %s%s%s",
			       names, *lacks ? ". Missing: " : "", lacks),
		   text_format("Boot a kernel that has it as a module, such as Debian's, or one that tools/kernel builds."));
	free(lacks);
}

static void tell_passed_over(struct doctor *doctor,
			     const struct module_review *review,
			     enum module_state state, const char *names)
{
	const struct module *module = review_first(review, state);

	doctor_add(doctor, MARK_WARN, "module-order",
		   text_format("installed from dmabuf-phys, but not what modprobe would load: %s (it %s%s)",
			       names, module->file.path ? "has " : "knows none",
			       module->file.path ? module->file.path : ""),
		   text_format("depmod -a %s. If that does not help, look for 'override' and 'search' in /etc/depmod.d: %s has to come first.",
			       review->modules.release,
			       module->passed_over.path));
}

static void tell_other(struct doctor *doctor,
		       const struct module_review *review,
		       enum module_state state, const char *names)
{
	doctor_add(doctor, MARK_WARN, "module-other",
		   text_format("neither dmabuf-phys's nor the kernel's: %s (%s)", names,
			       review_first(review, state)->file.path),
		   text_format("Remove what has brought it, then depmod -a %s.",
			       review->modules.release));
}

/* What has DKMS build and sign them again: "install --force" would not; to be freed */
static char *build_again(const struct module_review *review,
			 enum module_state state)
{
	static const char *const packages[] = { "dmabuf-phys",
						"kvm-dmabuf-phys" };
	const char *release = review->modules.release, *version = "VERSION";
	char *text = text_format("%s", "");
	bool wanted[2] = { false, false };
	size_t i;

	for (i = 0; i < review->modules.nr; i++) {
		const struct module *module = &review->modules.list[i];

		if (review->states[i] != state)
			continue;
		wanted[module->is_kvm] = true;
		if (modules_is_ours(module->file.version))
			version = strstr(module->file.version, MODULES_MARK) +
				  strlen(MODULES_MARK);
	}
	for (i = 0; i < 2; i++) {
		if (wanted[i])
			text = text_join(text, ", ",
				text_format("dkms unbuild %s/%s -k %s, dkms install %s/%s -k %s",
					    packages[i], version, release,
					    packages[i], version, release));
	}
	return text;
}

static bool is_prebuilt(const struct module *module)
{
	return module->file.path &&
	       !strncmp(module->file.path, MODULES_PREBUILT "/",
			strlen(MODULES_PREBUILT "/"));
}

static void tell_source(struct doctor *doctor,
			const struct module_review *review,
			enum module_state state, const char *names)
{
	const struct module *module = review_first(review, state);
	const char *version = modules_is_ours(module->loaded_version) ?
		module->loaded_version : module->file.version;
	size_t len = (size_t)(strstr(version, MODULES_MARK) - version);
	const char *reboot = review->modules.is_running ?
		" Reboot if they are loaded." : "";
	char *again = build_again(review, state), *remedy;

	if (strlen(review->image_package) == len &&
	    !strncmp(review->image_package, version, len))
		/* What is there is right for the kernel that is there */
		remedy = text_format("Reboot: %s is installed, and they were built for it.",
				     review->image_package);
	else if (is_prebuilt(module))
		remedy = text_format("Install their package for %s.%s",
				     review->package, reboot);
	else
		remedy = text_format("apt install linux-source-" MODULES_SERIES "=%s, %s.%s",
				     review->package, again, reboot);
	doctor_add(doctor, MARK_FAIL, "module-source",
		   text_format("modules of dmabuf-phys for kernel package %.*s, while this kernel is %s: %s. Structures may differ, which nothing checks when they are loaded",
			       (int)len, version, review->package, names),
		   remedy);
	free(again);
}

static void tell_unsigned(struct doctor *doctor,
			  const struct module_review *review,
			  enum module_state state, const char *names)
{
	bool prebuilt = is_prebuilt(review_first(review, state));
	/* What has no key was built without openssl */
	const char *openssl = review->signing.mok ? "" : "apt install openssl, ";
	char *again = build_again(review, state);

	doctor_add(doctor, MARK_WARN, "module-unsigned",
		   text_format("the kernel will refuse these modules of dmabuf-phys, as it wants signatures (%s) and they have none: %s",
			       review->signing.cause, names),
		   text_format("DKMS signs what it builds: %s%s. Then mokutil --import %s and reboot: the firmware's menu asks for the password given there.",
			       prebuilt ? "" : openssl, prebuilt ? "apt install dmabuf-phys-dkms" : again,
			       review->signing.mok_path));
	free(again);
}

static void tell_key(struct doctor *doctor,
		     const struct module_review *review,
		     enum module_state state, const char *names)
{
	const char *signer = review_first(review, state)->file.signer;
	bool is_unknown = state == STATE_KEY_UNKNOWN;

	doctor_add(doctor, MARK_WARN,
		   is_unknown ? "module-key-unknown" : "module-key",
		   text_format("the kernel %s refuse these modules of dmabuf-phys, as it wants signatures (%s) and %s the certificate of their signer, '%s': %s",
			       is_unknown ? "may" : "will",
			       review->signing.cause,
			       is_unknown ? "shows to root only whether it has" :
					    "does not have",
			       *signer ? signer : "?", names),
		   is_unknown ? text_format("Run this as root.") :
		   text_format("mokutil --import %s, then reboot: the firmware's menu asks for the password given there.",
			       review->signing.mok_path));
}

static void tell_command(struct doctor *doctor,
			 const struct module_review *review,
			 enum module_state state, const char *names)
{
	const struct module *module = review_first(review, state);

	doctor_add(doctor, MARK_WARN, "module-install",
		   text_format("modprobe.d has a command in place of loading %s: %s",
			       names, module->install),
		   text_format("Remove the line; to find it: grep -r 'install  *%s' /etc/modprobe.d /lib/modprobe.d.",
			       module->name));
}

static void tell_blacklisted(struct doctor *doctor,
			     const struct module_review *review,
			     enum module_state state, const char *names)
{
	(void)review;
	(void)state;
	doctor_add(doctor, MARK_WARN, "module-blacklist",
		   text_format("a blacklist in modprobe.d or modprobe.blacklist= keeps these modules of dmabuf-phys from being loaded by themselves: %s",
			       names),
		   text_format("modprobe -a %s, or remove the line.", names));
}

static bool has_bound(const struct pci_model *model)
{
	size_t i;

	for (i = 0; i < model->nr_devices; i++)
		if (!strcmp(model->devices[i].driver, "vfio-pci"))
			return true;
	return false;
}

static void tell_loaded_before(struct doctor *doctor,
			       const struct module_review *review,
			       enum module_state state, const char *names)
{
	struct unload unload = { .root = review->modules.root };
	bool is_older = state == STATE_OLDER;
	char *order, *users;
	size_t i;

	for (i = 0; i < review->modules.nr; i++)
		if (review->states[i] == state)
			unload_add(&unload, review->modules.list[i].sysfs);
	order = unload_text(&unload);
	users = unload_users(&unload);
	doctor_add(doctor, MARK_WARN,
		   is_older ? "module-older" : "module-replaced",
		   text_format("%s: %s", is_older ?
			       "another build of dmabuf-phys is loaded than is installed" :
			       "installed from dmabuf-phys, but the kernel's own are loaded",
			       names),
		   text_format("Reboot, after update-initramfs -u or dracut -f if they are in the initramfs. Or %s%s%smodprobe -r %s, then modprobe -a %s%s.",
			       *users ? "end what uses " : "", users,
			       *users ? ", " : "", order, names,
			       has_bound(&doctor->model) ?
			       ", and bind devices to vfio-pci again" : ""));
	free(order);
	free(users);
}

static void tell_ready(struct doctor *doctor,
		       const struct module_review *review,
		       enum module_state state, const char *names)
{
	(void)review;
	doctor_add(doctor, MARK_OK,
		   state == STATE_LOADED ? "module-loaded" : "module-ready",
		   text_format(state == STATE_LOADED ?
			       "modules of dmabuf-phys, loaded: %s" :
			       "modules of dmabuf-phys, loaded when needed: %s",
			       names), NULL);
}

/* Once for KVM, which is a package of its own, and once for all others */
static void tell_none(struct doctor *doctor, const struct module_review *review,
		      bool is_kvm)
{
	const struct modules *modules = &review->modules;
	char *names = NULL;
	bool has_ours = false;
	size_t i;

	for (i = 0; i < modules->nr; i++) {
		const struct module *module = &modules->list[i];

		has_ours |= review->states[i] != STATE_NONE &&
			    review->states[i] != STATE_BUILTIN;
		if (review->states[i] != STATE_NONE ||
		    module->is_kvm != is_kvm ||
		    (module->is_extra && !is_kvm))
			continue;
		names = text_join(names, " ", text_format("%s", module->name));
	}
	/* Without the others those for KVM cannot be had */
	if (names && (has_ours || !is_kvm) &&
	    !no_modules_config(doctor, modules, is_kvm) &&
	    !no_modules_dkms(doctor, modules, is_kvm)) {
		if (is_kvm)
			doctor_add(doctor, MARK_OK, "module-kvm",
				   text_format("KVM is the kernel's own: %s; dma-bufs as memory of guests need dmabuf-phys-kvm-dkms",
					       names), NULL);
		else
			no_modules_missing(doctor, modules, review->package[0],
					   has_ours ? names : NULL);
	}
	free(names);
}

/* What to do about a file that came with the kernel */
static const char *get_again(const char *fault)
{
	return strstr(fault, "cannot be read") ?
		       "Run this as root." :
		       "Install the kernel's package again.";
}

/* So that "this kernel" is clear in what follows */
static void tell_installed(struct doctor *doctor,
			   const struct module_review *review)
{
	bool is_debian = review->package[0];

	doctor_add(doctor, MARK_OK, "kernel",
		   text_format("Linux %s%s%s%s is installed; when this kernel boots:",
			       review->modules.release,
			       is_debian ? " (Debian " : "", review->package,
			       is_debian ? ")" : ""), NULL);
	if (!is_debian)
		doctor_add(doctor, MARK_WARN, "module-package",
			   text_format("which package of Debian's this kernel is of is not known, so neither is whether modules were built for it"),
			   review->image_fault ?
			   text_format("%s. %s", review->image_fault,
				       get_again(review->image_fault)) :
			   text_format("Look at /boot/vmlinuz-%s: it is not there, or not Debian's.",
				       review->modules.release));
}

static void check_support(struct doctor *doctor, const struct modules *modules)
{
	const char *root = modules->root;
	char text[16];

	if (!modules->has_folder && !sysfs_access(0, root, "/dev/dma_buf_phys"))
		return;
	sysfs_text(text, sizeof(text), root, "/proc/sys/kernel/modules_disabled");
	if (!strcmp(text, "1"))
		doctor_add(doctor, MARK_WARN, "module-disabled",
			   text_format("no module can be loaded until the next boot: kernel.modules_disabled is 1"),
			   text_format("Load them before that is set, by modules-load.d for example."));
	if (!modules->has_folder)
		doctor_add(doctor, MARK_WARN, "module-unknown",
			   text_format("there is no /lib/modules/%s, so what could be loaded cannot be told",
				       modules->release),
			   text_format("In a container, run this outside; otherwise install this kernel's package again."));
}

static void tell_unknown_config(struct doctor *doctor,
				const struct modules *modules)
{
	if (!modules->config.text && modules->config.fault)
		doctor_add(doctor, MARK_WARN, "module-config",
			   text_format("what this kernel was built with is not known: %s",
				       modules->config.fault),
			   text_format("%s", get_again(modules->config.fault)));
}

void doctor_modules(struct doctor *doctor)
{
	static const teller tellers[] = {
		[STATE_KERNELS] = tell_kernels,
		[STATE_BUILTIN] = tell_builtin,
		[STATE_PASSED_OVER] = tell_passed_over,
		[STATE_OTHER] = tell_other,
		[STATE_SOURCE] = tell_source,
		[STATE_UNSIGNED] = tell_unsigned,
		[STATE_KEY] = tell_key,
		[STATE_KEY_UNKNOWN] = tell_key,
		[STATE_COMMAND] = tell_command,
		[STATE_BLACKLISTED] = tell_blacklisted,
		[STATE_REPLACED] = tell_loaded_before,
		[STATE_OLDER] = tell_loaded_before,
		[STATE_READY] = tell_ready,
		[STATE_LOADED] = tell_ready,
	};
	struct module_review review;
	const struct modules *modules = &review.modules;
	size_t state;
	char *names;

	if (doctor->loads_nothing)
		return;
	review_read(&review, &doctor->model, doctor->release);
	if (modules->is_running)
		check_support(doctor, modules);
	else
		tell_installed(doctor, &review);
	for (state = 0; state < ARRAY_SIZE(tellers); state++) {
		names = review_names(&review, (enum module_state)state);
		if (names && tellers[state])
			tellers[state](doctor, &review,
				       (enum module_state)state, names);
		free(names);
	}
	if (modules->has_folder) {
		tell_unknown_config(doctor, modules);
		tell_none(doctor, &review, false);
		tell_none(doctor, &review, true);
		doctor_foreign(doctor, modules);
	}
	review_free(&review);
}
