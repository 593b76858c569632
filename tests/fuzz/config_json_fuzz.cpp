// SPDX-License-Identifier: Apache-2.0
// libFuzzer: any bytes as the --config file of sweep (an odd first byte) or fit, up to where the
// data would be read: there are none. The rest is the file.
#include "src/cli/command.hpp"
#include "steepest/error.hpp"
#include "tests/fuzz/input_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace steepest;
  using namespace steepest::fuzz;
  if (size == 0) {
    return 0;
  }
  static const bool moved = [] {  // names of files in options are looked for here
    std::filesystem::current_path(own_folder());
    return true;
  }();
  static_cast<void>(moved);
  const std::string path = write_input("config.json", bytes_of(data + 1, size - 1));
  const bool sweeps = data[0] % 2 == 1;
  cli::GlobalOptions global;
  CLI::App app;
  const cli::Command command = sweeps ? cli::add_sweep(app, global) : cli::add_fit(app, global);
  cli::add_global_options(*command.app, global);
  try {
    std::vector<std::string> words = {"there/is/none.csv", "--quiet", path, "--config",
                                      sweeps ? "sweep" : "fit"};
    app.parse(words);  // last word first
  } catch (const CLI::ParseError&) {
    std::abort();
  }
  try {
    static_cast<void>(command.run());
    std::abort();  // there were no data
  } catch (const InputError&) {
    // A sentence is a good end.
  } catch (const OptionError&) {
  } catch (const DeviceError&) {
  }
  return 0;
}
