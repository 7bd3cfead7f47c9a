<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A stand-in for core's partial views: the same fields with the same ids, not the same looks.
 */

namespace Carpd\StandIn;

final class Partials
{
    public static function render(string $name, array $given): string
    {
        return match ($name) {
            'base_form' => '<form id="' . $given['id'] . '">' . self::fields($given['fields']) . '</form>',
            'base_dialog' => self::dialog($given),
            'base_bootgrid_table' => self::grid($given),
            'base_apply_button' => self::apply($given),
        };
    }

    private static function fields(array $form): string
    {
        $rows = '';
        foreach ($form['sections'] as $section) {
            if ($section['type'] ?? false) {
                $rows .= '<tr><th colspan="3">' . translated($section['label'] ?? '') . '</th></tr>';
            }
            foreach ($section['children'] as $field) {
                $rows .= $field['type'] === 'ignore' ? '' : self::field($field);
            }
        }
        return '<table class="table table-striped table-condensed"><tbody>' . $rows . '</tbody></table>';
    }

    private static function field(array $field): string
    {
        $id = $field['id'];
        $input = match ($field['type']) {
            'text' => '<input type="text" class="form-control" id="' . $id . '" placeholder="' . translated($field['hint'] ?: '') . '">',
            'checkbox' => '<input type="checkbox" id="' . $id . '">',
            'dropdown' => '<select class="selectpicker" id="' . $id . '"></select>',
            'select_multiple' => '<select class="' . ($field['style'] ?: 'selectpicker') . '" multiple="multiple" id="' . $id . '"></select>',
            'textbox' => '<textarea id="' . $id . '"></textarea>',
            'hidden' => '<input type="hidden" id="' . $id . '">',
            'info' => '<span id="' . $id . '"></span>',
        };
        return '<tr id="row_' . $id . '"><td><b>' . translated($field['label'] ?? '') . '</b></td><td>' . $input . '<div><small>'
            . translated($field['help'] ?: '') . '</small></div></td><td><span class="help-block" id="help_block_' . $id . '"></span></td></tr>';
    }

    private static function dialog(array $given): string
    {
        $id = $given['id'];
        return '<div class="modal fade" id="' . $id . '" tabindex="-1" role="dialog"><div class="modal-dialog modal-lg"><div class="modal-content">'
            . '<div class="modal-header"><h4 class="modal-title">' . $given['label'] . '</h4></div>'
            . '<div class="modal-body"><form id="frm_' . $id . '">' . self::fields($given['fields']) . '</form></div>'
            . '<div class="modal-footer"><button type="button" class="btn btn-default" data-dismiss="modal">Cancel</button>'
            . '<button type="button" class="btn btn-primary" id="btn_' . $id . '_save">Save <i id="btn_' . $id . '_save_progress"></i></button>'
            . '</div></div></div></div>';
    }

    private static function grid(array $given): string
    {
        $heads = '';
        foreach ($given['fields'] as $field) {
            $heads .= '<th';
            foreach ($field as $key => $value) {
                $heads .= " data-{$key}=\"" . translated($value) . '"';
            }
            $heads .= '>' . translated($field['label']) . '</th>';
        }
        return '<table id="' . $given['table_id'] . '" class="table table-condensed table-hover table-striped" data-editDialog="' . $given['edit_dialog_id']
            . '"><thead><tr>' . $heads . '<th data-column-id="commands" data-width="100" data-formatter="commands" data-sortable="false">Commands</th></tr></thead>'
            . '<tbody></tbody><tfoot><tr><td></td><td><button data-action="add" type="button" class="btn btn-xs btn-primary"><span class="fa fa-plus fa-fw"></span></button>'
            . '<button data-action="deleteSelected" type="button" class="btn btn-xs btn-default"><span class="fa fa-trash-o fa-fw"></span></button></td></tr></tfoot></table>';
    }

    private static function apply(array $given): string
    {
        return '<section class="grid-bottom-reserve __mt"><div class="alert content-box"><button class="btn btn-primary" id="reconfigureAct" data-endpoint="'
            . $given['data_endpoint'] . '" data-label="Apply" data-error-title="' . translated($given['data_error_title'] ?? '') . '" data-service-widget="'
            . $given['data_service_widget'] . '" type="button"></button><div id="change_message_base_form" style="display: none">Apply the changes.</div></div></section>';
    }
}
