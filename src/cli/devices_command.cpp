// SPDX-License-Identifier: Apache-2.0
// steepest devices: what can be used, and why not.
#include <fmt/format.h>

#include "src/cli/command.hpp"
#include "src/cli/progress_bar.hpp"
#include "steepest/version.hpp"

namespace steepest::cli {
namespace {

int run_devices(const GlobalOptions& global) {
  const std::vector<DeviceInfo> devices = list_devices();
  if (global.json) {
    Json list = Json::array();
    for (const DeviceInfo& device : devices) {
      Json entry = to_json(device);
      entry["ordinal"] = device.ordinal;
      entry["memory_bytes"] = device.memory_bytes;
      entry["threads"] = device.threads;
      entry["usable"] = device.usable;
      entry["problem"] = device.usable ? Json(nullptr) : Json(device.problem);
      list.push_back(std::move(entry));
    }
    print_json({{"command", "devices"}, {"version", version}, {"devices", std::move(list)}});
    return exit_done;
  }
  fmt::print("{:<8} {:<8} {:>10}  {}\n", "device", "usable", "memory", "name");
  for (const DeviceInfo& device : devices) {
    const std::string id = device.kind == DeviceKind::cpu ? std::string("cpu")
                           : device.usable                ? fmt::format("cuda:{}", device.ordinal)
                                                          : std::string("cuda");
    fmt::print(
        "{:<8} {:<8} {:>10}  {}\n", id, device.usable ? "yes" : "no",
        device.memory_bytes > 0 ? format_bytes(static_cast<double>(device.memory_bytes)) : "-",
        device.usable ? fmt::format("{}, {} {}", device.name, device.threads,
                                    device.kind == DeviceKind::cpu ? "threads" : "multiprocessors")
                      : device.problem);
  }
  return exit_done;
}

}  // namespace

Command add_devices(CLI::App& parent, GlobalOptions& global) {
  CLI::App* app = parent.add_subcommand("devices", "List what a run can use");
  app->footer("Example: steepest devices --json");
  return {app, [&global] { return run_devices(global); }};
}

}  // namespace steepest::cli
