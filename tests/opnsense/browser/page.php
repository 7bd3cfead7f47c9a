<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A page as core makes it: the plugin's controller, core's view and layout, Phalcon's Volt. Signing in, privileges and the menu
 * are left out. Needs Phalcon and a checkout of core.
 */

/** What core's Volt calls by these names, with the checkout in the place of /usr/local. */
function view_fetch_themed_filename($url, $theme)
{
    foreach (["/themes/{$theme}/build/", '/'] as $folder) {
        if (is_file(getenv('OPNSENSE_CORE') . "/src/opnsense/www{$folder}{$url}")) {
            return str_replace('//', '/', "/ui{$folder}{$url}");
        }
    }
    return $url;
}

function view_file_exists($file)
{
    return is_file(str_replace('/usr/local', getenv('OPNSENSE_CORE') . '/src', $file));
}

function view_cache_safe($url)
{
    return $url;
}

function view_html_safe($text)
{
    return str_replace("\n", '&#10;', htmlspecialchars($text ?? '', ENT_QUOTES | ENT_HTML401));
}

function pageOfCore(string $name): string
{
    $plugin = getenv('CARPD_PLUGIN') . '/src/opnsense/mvc/app';
    $core = getenv('OPNSENSE_CORE') . '/src/opnsense/mvc/app';
    $config = new OPNsense\Core\AppConfig();
    $config->update('application.configDir', getenv('CARPD_LAB') . '/' . getenv('CARPD_NODE'));
    // Compiled templates are this server's own: another one may have other views.
    $cache = getenv('CARPD_FILES') . '/volt';
    is_dir($cache) || @mkdir($cache);
    $config->update('application.cacheDir', $cache);
    $config->update('application.viewsDir', ["{$plugin}/views/", "{$core}/views/"]);

    $class = 'OPNsense\\Carpd\\' . ucfirst($name) . 'Controller';
    $controller = new $class();
    $controller->session = new OPNsense\Mvc\Session();
    $controller->initialize();
    $view = $controller->view;
    $files = fn ($method) => (new ReflectionMethod($controller, $method))->invoke($controller);
    $view->setVars([
        'lang' => new class {
            public function _($text)
            {
                return view_html_safe($text);
            }
        },
        'langcode' => 'en-US',
        'ui_theme' => getenv('CARPD_THEME') ?: 'opnsense',
        'csrf_token' => 'test',
        'csrf_tokenKey' => 'test',
        'menuSystem' => [],
        'menuBreadcrumbs' => [],
        'menuSelectedUrl' => '',
        'menuFavorites' => '[]',
        'menuSelectedIsFavorite' => false,
        'session_username' => 'root',
        'system_hostname' => 'fw1',
        'system_domain' => 'example.org',
        'product_name' => 'OPNsense',
        'product_website' => '',
        'product_copyright_years' => '',
        'product_copyright_url' => '',
        'product_copyright_owner' => '',
        'title' => 'Services: CARP failover',
        'headTitle' => 'CARP failover',
        'javascript_files' => $files('templateJSIncludes'),
        'css_files' => $files('templateCSSIncludes'),
    ]);
    $controller->indexAction();
    $view->start();
    $view->processRender('', '');
    $view->finish();
    return $view->getContent();
}
