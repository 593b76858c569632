// SPDX-License-Identifier: Apache-2.0
#include "src/cli/config_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "src/data/json_file.hpp"
#include "src/train/option_text.hpp"
#include "steepest/error.hpp"

namespace steepest::cli {
namespace {

// Reads an object; keys that stand there twice are refused, which parsers keep silent about.
Json read_object(const std::string& path) {
  const std::string text = data::read_text(path, "JSON");
  if (data::is_nested_deeply(text)) {
    throw InputError(Location{path},
                     "is not a file of options: its brackets are nested too deeply");
  }
  std::set<std::string> keys;
  const auto watch = [&](int depth, Json::parse_event_t event, const Json& parsed) {
    if (depth == 1 && event == Json::parse_event_t::key &&
        !keys.insert(parsed.get<std::string>()).second) {
      throw OptionError(
          fmt::format("{}: key \"{}\" stands there twice", path, parsed.get<std::string>()));
    }
    return true;
  };
  try {
    Json json = Json::parse(text, watch);
    if (json.is_object()) {
      return json;
    }
  } catch (const Json::parse_error& error) {
    throw InputError(Location{path}, fmt::format("is not JSON from byte {} on", error.byte));
  } catch (const Json::exception&) {
    throw InputError(Location{path}, "holds a number that is too large");
  }
  throw InputError(Location{path},
                   "is JSON but not an object such as {\"schedule\": \"constant\"}");
}

// A string or a number as it would stand on the command line.
std::string scalar_text(const Json& value, const std::string& path, const std::string& key) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  if (!value.is_number()) {
    throw OptionError(
        fmt::format("{}: \"{}\" must be a text, a number, or a list of these", path, key));
  }
  return value.dump();
}

std::string value_text(const Json& value, const std::string& path, const std::string& key,
                       bool counts) {
  if (!value.is_array()) {
    return scalar_text(value, path, key);
  }
  std::string text;
  for (const Json& item : value) {
    text += (text.empty() ? "" : ",") + scalar_text(item, path, key);
  }
  return text + (counts && value.size() == 1 ? "," : "");
}

// Empty for what no file may hold.
std::string key_of(const CLI::Option& option) {
  if (option.get_lnames().empty()) {
    return "";
  }
  const std::string key = config_key(option);
  return key == "help" || key == "config" ? "" : key;
}

class Config {
 public:
  Config(CLI::App& app, const std::string& path, const std::vector<ConfigAlias>& aliases)
      : app_(app), path_(path), aliases_(aliases) {}

  void apply(const std::string& key, const Json& value) {
    const ConfigAlias* alias = nullptr;
    CLI::Option& option = option_of(key, alias);
    if (!seen_.insert(&option).second) {
      throw OptionError(
          fmt::format("{}: key \"{}\" says again what another key has said", path_, key));
    }
    if (std::find(given_.begin(), given_.end(), &option) != given_.end()) {
      return;  // the command line wins
    }
    const bool is_flag = option.get_items_expected_max() == 0;
    if (is_flag && !value.is_boolean()) {
      throw OptionError(fmt::format("{}: \"{}\" must be true or false", path_, key));
    }
    const bool stands_alone = value.is_boolean() && option.get_items_expected_min() == 0;
    if (stands_alone && !value.get<bool>()) {
      return;
    }
    try {
      option.add_result(stands_alone
                            ? (is_flag ? "true" : "")
                            : value_text(value, path_, key, alias != nullptr && alias->counts));
      option.run_callback();
    } catch (const CLI::Error& error) {
      throw OptionError(fmt::format("{}: {}", path_, error.what()));
    }
  }

  void note_given() {
    for (CLI::Option* const option : app_.get_options()) {
      if (option->count() > 0) {
        given_.push_back(option);
      }
    }
  }

 private:
  CLI::Option& option_of(const std::string& key, const ConfigAlias*& alias) {
    std::string wanted = key;
    std::replace(wanted.begin(), wanted.end(), '-', '_');
    std::vector<std::string> names;
    for (const ConfigAlias& candidate : aliases_) {
      names.emplace_back(candidate.key);
      if (wanted == candidate.key) {
        alias = &candidate;
        return *app_.get_option(std::string(candidate.option));
      }
    }
    for (CLI::Option* const option : app_.get_options()) {
      const std::string name = key_of(*option);
      if (!name.empty() && name == wanted) {
        return *option;
      }
      if (!name.empty() && std::none_of(aliases_.begin(), aliases_.end(), [&](const auto& one) {
            return option->check_lname(std::string(one.option.substr(2)));
          })) {
        names.push_back(name);
      }
    }
    const std::vector<std::string_view> views(names.begin(), names.end());
    throw OptionError(
        fmt::format("{}: key \"{}\" is not known: use {}", path_, key, join_choices(views)));
  }

  CLI::App& app_;
  const std::string& path_;
  const std::vector<ConfigAlias>& aliases_;
  std::vector<const CLI::Option*> given_;
  std::set<const CLI::Option*> seen_;
};

}  // namespace

std::string config_key(const CLI::Option& option) {
  std::string key = option.get_lnames().front();
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

void read_config(CLI::App& app, const std::string& path, const std::vector<ConfigAlias>& aliases) {
  if (path.empty()) {
    return;
  }
  const Json json = read_object(path);
  Config config(app, path, aliases);
  config.note_given();
  for (const auto& [key, value] : json.items()) {
    config.apply(key, value);
  }
}

}  // namespace steepest::cli
