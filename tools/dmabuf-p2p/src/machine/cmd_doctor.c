// SPDX-License-Identifier: GPL-2.0
/*
 * doctor: is this machine ready for peer-to-peer DMA, and if not, what to do?
 */
#include <argp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "device.h"
#include "doctor.h"
#include "json.h"
#include "message.h"
#include "sysfs_file.h"
#include "text.h"
#include "verb.h"

enum doctor_option {
	OPTION_JSON = 'j',
	OPTION_KERNEL = 'k',
	OPTION_ROOT = 256,
};

struct args {
	bool json;
	const char *release;
	const char *root;
	char **names;
	size_t nr_names;
};

static const struct argp_option options[] = {
	{ "json", OPTION_JSON, NULL, 0, "Print the findings as JSON" },
	{ "kernel", OPTION_KERNEL, "RELEASE", 0,
	  "Look only at what an installed kernel will load when it boots" },
	/* For tests: DIR stands for / */
	{ "root", OPTION_ROOT, "DIR", OPTION_HIDDEN, NULL },
	{ 0 }
};

static const char doc[] =
	"Look at everything that peer-to-peer DMA between PCI devices needs: kernel and "
	"modules, IOMMU, permissions, routes between devices, ACS, drivers and IOMMU "
	"groups, RDMA devices, and what killed programs have left. Each finding that is not "
	"OK says what to do."
	"\v"
	"OK: as it should be; WARN: something does not work, or not for all users; "
	"FAIL: peer-to-peer DMA with VFIO does not work until that is set right. Run it "
	"as root to learn about ACS, and as the user who will do the work to learn "
	"about permissions.\n\n"
	"Of modules it tells which are those of dmabuf-phys, which the kernel's own, and "
	"what keeps the former from being loaded. In JSON each finding has a status, a "
	"topic, a text and a remedy or null. Topics of modules are:\n\n"
	"  module-kernel       part of a kernel with physical lists\n"
	"  module-loaded       loaded, of dmabuf-phys\n"
	"  module-ready        of dmabuf-phys, and loaded when needed\n"
	"  module-replaced     installed, but the kernel's own are loaded\n"
	"  module-older        installed, but another build is loaded\n"
	"  module-source       built for another build of this kernel\n"
	"  module-unsigned     refused: no signature\n"
	"  module-key          refused: signed with a key the kernel does not know\n"
	"  module-key-unknown  signed, and only root can see with what\n"
	"  module-install      modprobe.d has a command in place of loading\n"
	"  module-blacklist    modprobe.d keeps them from being loaded by themselves\n"
	"  module-disabled     the kernel loads no more modules until the next boot\n"
	"  module-order        modprobe would take others\n"
	"  module-other        neither of dmabuf-phys nor of the kernel\n"
	"  module-builtin      in the kernel's image, not to be replaced\n"
	"  module-config       ruled out by the kernel's configuration, or that is unknown\n"
	"  module-dkms         DKMS has not built or not installed them\n"
	"  module-none         not installed\n"
	"  module-kvm          KVM's alone are not installed\n"
	"  module-foreign      of others, refused beside VFIO of dmabuf-phys\n"
	"  module-package      of an unknown package is the kernel\n"
	"  module-unknown      the kernel's modules are not to be seen\n\n"
	"With two DEVICEs, by address or name, it looks at these instead of all: how they reach "
	"each other, links on the way, IOMMU groups, drivers.\n\n"
	"With -k it looks at nothing but the modules of an installed kernel: at what will "
	"be loaded when it boots, not at what is loaded now. It takes that kernel to treat "
	"signatures as the running one does.\n\n"
	"Exit status: 0 no FAIL; 1 the devices cannot be read; 2 bad usage; 3 at least "
	"one FAIL.\n\n"
	"EXAMPLES\n\n"
	"  dmabuf-p2p doctor\n"
	"  dmabuf-p2p doctor mlx5_0 nvme1\n"
	"  dmabuf-p2p doctor -k 7.3.4+deb13-amd64\n"
	"  dmabuf-p2p doctor --json | jq -r '.findings[].remedy // empty'\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case OPTION_JSON:
		args->json = true;
		return 0;
	case OPTION_KERNEL:
		args->release = arg;
		return 0;
	case OPTION_ROOT:
		args->root = arg;
		return 0;
	case ARGP_KEY_ARGS:
		args->names = state->argv + state->next;
		args->nr_names = (size_t)(state->argc - state->next);
		return 0;
	case ARGP_KEY_SUCCESS:
		if (args->nr_names && args->nr_names != 2)
			argp_error(state, "two DEVICEs, or none for all");
		if (args->nr_names && args->release)
			argp_error(state, "--kernel is about no device");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static void print_findings(const struct doctor *doctor)
{
	static const char *const colours[] = {
		[MARK_OK] = "\033[32m", [MARK_WARN] = "\033[33m",
		[MARK_FAIL] = "\033[31m",
	};
	static const char *const names[] = {
		[MARK_OK] = "OK", [MARK_WARN] = "WARN", [MARK_FAIL] = "FAIL",
	};
	size_t i, count[MARK_FAIL + 1] = { 0 };
	bool colour = colours_on(1);

	for (i = 0; i < doctor->nr_findings; i++) {
		const struct finding *finding = &doctor->findings[i];

		printf("%s%-6s%s", colour ? colours[finding->mark] : "",
		       names[finding->mark], colour ? "\033[m" : "");
		text_wrapped(6, NULL, finding->text);
		if (finding->remedy)
			text_wrapped(9, "      ->", finding->remedy);
		count[finding->mark]++;
	}
	printf("\n%zu OK, %zu WARN, %zu FAIL\n", count[MARK_OK],
	       count[MARK_WARN], count[MARK_FAIL]);
}

static void print_json(const struct doctor *doctor)
{
	static const char *const names[] = {
		[MARK_OK] = "ok", [MARK_WARN] = "warn", [MARK_FAIL] = "fail",
	};
	struct json_object *findings = json_new_array();
	struct json_object *all = json_new_object(), *obj;
	size_t i;

	for (i = 0; i < doctor->nr_findings; i++) {
		const struct finding *finding = &doctor->findings[i];

		obj = json_new_object();
		json_text(obj, "status", names[finding->mark]);
		json_text(obj, "topic", finding->topic);
		json_text(obj, "text", finding->text);
		if (finding->remedy)
			json_text(obj, "remedy", finding->remedy);
		else
			json_null(obj, "remedy");
		json_append(findings, obj);
	}
	json_member(all, "findings", findings);
	json_print(all, "doctor");
}

static int verdict(const struct doctor *doctor)
{
	size_t i;

	for (i = 0; i < doctor->nr_findings; i++)
		if (doctor->findings[i].mark == MARK_FAIL)
			return EXIT_MISMATCH;
	return EXIT_OK;
}

static void doctor_free(struct doctor *doctor)
{
	size_t i;

	for (i = 0; i < doctor->nr_findings; i++) {
		free(doctor->findings[i].text);
		free(doctor->findings[i].remedy);
	}
	free(doctor->findings);
	pci_model_free(&doctor->model);
}

/* Return: enum exit_code, complained about */
static int examine(struct doctor *doctor, const struct args *args)
{
	const struct pci_device *dev[2] = { NULL, NULL };
	char addr[DEVICE_ADDR];
	size_t i;

	for (i = 0; i < args->nr_names; i++) {
		dev[i] = pci_model_find(&doctor->model, args->names[i]);
		if (!dev[i])
			return device_parse(addr, args->names[i]) ? EXIT_FAILED :
								    EXIT_USAGE;
	}
	if (args->nr_names && dev[0] == dev[1]) {
		complain(args->names[1], NULL, "that is the first device again");
		return EXIT_USAGE;
	}
	doctor_kernel(doctor);
	doctor_modules(doctor);
	doctor_iommu(doctor);
	doctor_permissions(doctor);
	if (args->nr_names) {
		doctor_pair(doctor, dev[0], dev[1]);
	} else {
		doctor_routes(doctor);
		doctor_acs(doctor);
		doctor_vfio(doctor);
		doctor_rdma(doctor);
	}
	doctor_taken(doctor);
	return EXIT_OK;
}

/* The release becomes part of paths */
static int check_release(const char *root, const char *release)
{
	if (*release && *release != '.' && !strchr(release, '/') &&
	    !sysfs_access(0, root, "/lib/modules/%s/modules.dep", release))
		return EXIT_OK;
	complain(release, "'ls /lib/modules/*/modules.dep' shows those that are.",
		 "no such kernel is installed");
	return EXIT_FAILED;
}

static int run(int argc, char **argv)
{
	static const struct argp argp = { options, parse, "[DEVICE DEVICE]", doc, common_children };
	struct doctor doctor = { 0 };
	struct args args = { .root = "" };
	int ret;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &args);
	if (args.release) {
		ret = check_release(args.root, args.release);
		if (ret)
			return ret;
		doctor.release = args.release;
		/* Where images are built there may be no sysfs */
		pci_model_read_cpu(&doctor.model, args.root);
		doctor_modules(&doctor);
	} else {
		ret = pci_model_read(&doctor.model, args.root);
		if (ret)
			return ret;
		ret = examine(&doctor, &args);
		if (ret) {
			doctor_free(&doctor);
			return ret;
		}
	}
	if (args.json)
		print_json(&doctor);
	else
		print_findings(&doctor);
	ret = verdict(&doctor);
	doctor_free(&doctor);
	return ret;
}

const struct verb cmd_doctor = {
	"doctor", "what this machine lacks for peer-to-peer DMA, and what to do", run
};
