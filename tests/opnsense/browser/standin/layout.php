<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A stand-in for core's page around a view: the scripts and styles that core loads, and the elements that they look for.
 */

namespace Carpd\StandIn;

function layout(?string $core, string $content): string
{
    $theme = getenv('CARPD_THEME') ?: 'opnsense';
    $styles = $scripts = [];
    $after = '';
    if ($core !== null) {
        foreach (['main.css', 'bootstrap-select.css', 'bootstrap-dialog.css', 'tabulator.min.css', 'opnsense-bootgrid.css', 'opnsense-bootgrid-layout.css', 'tokenize2.css'] as $name) {
            $styles[] = is_file("{$core}/www/themes/{$theme}/build/css/{$name}") ? "/ui/themes/{$theme}/build/css/{$name}" : "/ui/css/{$name}";
        }
        array_push($styles, '/ui/assets/fontawesome/css/all.min.css', '/ui/assets/fontawesome/css/v4-shims.min.css');
        foreach (['jquery-3.5.1.min', 'tokenize2', 'tabulator.min', 'opnsense_bootgrid', 'opnsense', 'opnsense_ui', 'opnsense_status', 'bootstrap.min', 'bootstrap-select.min', 'bootstrap-dialog.min'] as $name) {
            $scripts[] = "/ui/js/{$name}.js";
        }
        $after = '$.extend($.fn.UIBootgrid.translations, Object.fromEntries(["add", "deleteSelected", "enableSelected", "disableSelected", "edit", "disable", "enable",'
            . ' "delete", "info", "clone", "all", "search", "searchColumns", "removeWarning", "noresultsfound", "refresh", "infosTotal"].map((key) => [key, key])));';
    } else {
        $styles = ['/ui/css/standin.css'];
        $scripts = ['/ui/js/standin.js'];
    }
    $head = implode('', array_map(fn ($url) => "<link href=\"{$url}\" rel=\"stylesheet\">", $styles))
        . implode('', array_map(fn ($url) => "<script src=\"{$url}\"></script>", $scripts));
    return '<!doctype html><html lang="en"><head><meta charset="UTF-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        . "<title>carpd</title>{$head}<script>"
        . '$(document).ready(function () { $.ajaxSetup({ beforeSend: function (xhr) { xhr.setRequestHeader("X-CSRFToken", "test"); } });'
        . ' if (globalThis.initFormHelpUI) { initFormHelpUI(); initFormAdvancedUI(); }' . $after . ' });</script></head><body data-theme="' . $theme . '">'
        . '<main class="page-content col-sm-12"><div class="row"><header class="page-content-head"><div class="container-fluid"><ul class="list-inline">'
        . '<li><h1>Services: CARP failover</h1></li><li class="btn-group-container" id="service_status_container"></li></ul></div></header>'
        . '<section class="page-content-main"><div class="container-fluid"><div class="row"><section class="col-xs-12"><div id="messageregion"></div>'
        . $content . '</section></div></div></section></div></main></body></html>';
}
