// SPDX-License-Identifier: Apache-2.0
// --config: options of a command from a JSON file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/cli/command.hpp"

namespace steepest::cli {

/// A key of a file that stands for an option of another name.
struct ConfigAlias {
  std::string_view key;
  std::string_view option;  ///< with its dashes

  /// Whether a lone number says how many: then a list of one keeps a comma behind it.
  bool counts = false;
};

/// The key of an option with a long name: "learning_rate" for --learning-rate.
[[nodiscard]] std::string config_key(const CLI::Option& option);

/// Gives `app` the options that a file holds and the command line does not: an object whose keys
/// are names of options (learning_rate or learning-rate) or aliases, and whose values are texts,
/// numbers, lists of these, or true and false for options that may stand without a value. Nothing
/// happens for an empty path. Throws InputError for a file that cannot be read or is no JSON
/// object; OptionError for a key that is not known, with all that are, one that stands there twice,
/// and a value of another kind.
void read_config(CLI::App& app, const std::string& path,
                 const std::vector<ConfigAlias>& aliases = {});

}  // namespace steepest::cli
